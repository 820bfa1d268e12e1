"""Alembic's revisions of the store's tables; `database.Database` applies them."""
