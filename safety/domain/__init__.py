"""The pure core: plans, fences, the alert lifecycle, escalation policies."""
