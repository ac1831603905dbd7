"""Jobs, from PostgreSQL."""

import os

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import create_engine, text

engine = create_engine(os.environ["DATABASE_URL"], pool_size=5, pool_pre_ping=True)
app = FastAPI()


@app.get("/health")
def health() -> JSONResponse:
    """Whether the database answers."""
    with engine.connect() as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return JSONResponse({"status": "ok", "commit": os.environ["CI_TOOL_COMMIT"], "revision": revision})


@app.get("/")
def jobs() -> JSONResponse:
    """All of them."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM jobs ORDER BY id")).mappings().all()
    return JSONResponse({"jobs": [dict(row) for row in rows], "commit": os.environ["CI_TOOL_COMMIT"]})
