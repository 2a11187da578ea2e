"""The store: master data, alerts and all that is owed to people and devices (SQLAlchemy Core).

Functions take a `Connection` inside a transaction made by `Database`; they are synchronous, and the
asynchronous parts call them through `Database.read` and `Database.write`.
"""
