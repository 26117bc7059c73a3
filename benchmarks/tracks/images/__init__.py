"""The image track."""
