"""People and devices reached: the escalation ladder, the deliverer with its channels, commands.

Decisions are pure and name their reason; what is owed is a row of the store, so a crash forgets none of it.
"""
