"""Networks and schedules that others trained."""
