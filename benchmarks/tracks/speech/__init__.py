"""The speech track."""
