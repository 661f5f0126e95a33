"""Puts the API together: routes, layers, errors, documentation. What a route does is its own module's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, SecretStr
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from morpheus_assets.api.assistants.endpoint import AssistantEndpoint
from morpheus_assets.api.metrics import Metrics
from morpheus_assets.api.middleware.access import Access, read_keys
from morpheus_assets.api.middleware.request_log import RequestLog
from morpheus_assets.api.problems import (
    OPENAI_PREFIX,
    OpenAIError,
    ProblemDocument,
    documented,
    install_handlers,
    only_known_parameters,
)
from morpheus_assets.api.routes import books, health, insight, jobs, page, removals, uploads
from morpheus_assets.api.routes import content as content_routes
from morpheus_assets.api.routes import image as image_embeddings
from morpheus_assets.api.routes import openai as openai_routes
from morpheus_assets.api.routes import search as search_routes
from morpheus_assets.api.routes import searches as several_searches
from morpheus_assets.api.routes import stored as stored_embeddings
from morpheus_assets.api.routes import text as text_embeddings
from morpheus_assets.api.state import open_services
from morpheus_assets.settings import Settings
from morpheus_assets.tracing.export import start_tracing

VERSION = "1"
DESCRIPTION = """Embeds texts and pictures, launches and follows jobs, and searches novels and comic panels.

Errors are problem documents (RFC 9457). Send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY` when the
server has keys. Every answer has an `X-Request-ID`, which the server's log holds too."""


def build_app(settings: Settings) -> FastAPI:
    """The application; raises ConfigurationError for unknown spaces and ValueError for unusable API keys."""
    metrics = Metrics()
    keys = [
        *read_keys(_secret(settings.api_keys)),
        *read_keys(_secret(settings.api_read_keys), variable="MORPHEUS_API_READ_KEYS", read_only=True),
    ]
    origins = frozenset(origin.strip() for origin in settings.api_cors_origins.split(",") if origin.strip())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.otlp_endpoint:
            start_tracing(settings.otlp_endpoint, "morpheus-api")
        async with open_services(settings, metrics) as services, assistants.open():
            app.state.services = services
            yield

    app = FastAPI(
        title="Morpheus Assets",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # the names of functions in clients that are generated
        generate_unique_id_function=lambda route: route.name,
        # metrics and logs are our own
        telemetry={"tracing": bool(settings.otlp_endpoint), "metrics": False, "logs": False, "auto_configure": False},
        responses=documented(400, 401, 403, 408, 413, 422, 429, 500, 503, 504),
    )
    app.state.stop = lambda: app.state.services.stopping.set() if hasattr(app.state, "services") else None
    install_handlers(app)
    for module in (
        text_embeddings,
        image_embeddings,
        stored_embeddings,
        openai_routes,
        jobs,
        search_routes,
        several_searches,
        uploads,
        removals,
        content_routes,
        books,
        insight,
    ):
        app.include_router(module.router, dependencies=[Depends(only_known_parameters)])
    # the address of the page holds the question, and a health check may have a parameter against caches
    for module in (health, page):
        app.include_router(module.router)
    assistants = AssistantEndpoint(app, VERSION)
    app.router.routes.append(Route("/mcp", assistants, methods=["POST"]))
    if origins:
        app.add_middleware(CORSMiddleware, allow_origins=sorted(origins), allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(
        Access,
        keys=keys,
        per_minute=settings.api_requests_per_minute,
        max_body_bytes=settings.api_max_body_bytes,
        origins=origins,
        max_in_flight=settings.api_max_in_flight,
    )
    app.add_middleware(RequestLog, metrics=metrics, timeout_seconds=settings.api_timeout_seconds)
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]
    return app


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


def _schema(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with our own error document in place of its own."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    events = [*jobs.EVENTS.values(), *text_embeddings.EVENTS.values()]
    models: list[type[BaseModel]] = [ProblemDocument, OpenAIError, *events]
    for model in models:
        document = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        for name, described in {**document.pop("$defs", {}), model.__name__: document}.items():
            schemas.setdefault(name, described)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    schema["security"] = [{}, {"bearer": []}, {"apiKey": []}]
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if "HTTPValidationError" in str(content.get("application/json", "")):
                    operation["responses"][status] = documented(422)[422]
            if path.startswith(OPENAI_PREFIX):
                errors = {status for status in operation["responses"] if int(status) >= 400}
                shape = {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}}
                for status in errors:
                    operation["responses"][status] = {**operation["responses"][status], "content": shape}
                operation["responses"].pop("422", None)
    app.openapi_schema = schema
    return schema
