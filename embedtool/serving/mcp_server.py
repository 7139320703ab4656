"""Questions to word vectors as tools for programs that speak the Model Context Protocol (MCP).

It reads calls from standard input and writes answers to standard output.
"""

import asyncio
import json
from typing import Any

from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)

from embedtool import __version__
from embedtool.errors import EmbedtoolError
from embedtool.serving.endpoints import ServedModel, endpoints
from embedtool.serving.source import ModelSource, log_failed_reload

INSTRUCTIONS = (
    "Word vectors of the model {name}: {words:,} words x {vector_size}, checksum {checksum}; the "
    "_meta of an answer names the model that gave it. A score is a cosine from -1 to 1 (a quotient "
    "with method 3cosmul): an order within this model, not a probability. Words are case-sensitive."
)


class _Current:
    """The model that answers: the one that was opened last without a fault."""

    def __init__(self, served: ServedModel, source: ModelSource | None) -> None:
        self.served = served
        self.source = source

    def look(self) -> ServedModel:
        """The model, or the one that has taken its place."""
        if self.source is not None and self.source.is_replaced():
            with log_failed_reload():
                self.served = self.source.open_replacement()
        return self.served


def tool_server(served: ServedModel, source: ModelSource | None = None) -> Any:
    """The MCP server of a model: a tool for each endpoint, which takes what its POST takes.

    source : where the model is, and others may take its place; None: it stays
    """
    current = _Current(served, source)
    asked = {endpoint.name: endpoint for endpoint in endpoints(served)}
    hints = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    tools = [
        Tool(
            name=name, description=endpoint.summary, input_schema=endpoint.body,
            output_schema=endpoint.answered, annotations=hints,
        )
        for name, endpoint in asked.items()
    ]  # fmt: skip

    async def list_tools(context: Any, params: Any) -> Any:
        return ListToolsResult(tools=tools)

    async def call_tool(context: Any, params: CallToolRequestParams) -> Any:
        if params.name not in asked:
            raise MCPError(INVALID_PARAMS, f"no tool {params.name!r}: expected {', '.join(asked)}")
        endpoint, served = asked[params.name], current.look()
        try:
            items, options = endpoint.read_many(params.arguments or {})
            answer = {"results": endpoint.answer_each(served, items, options)}
        except EmbedtoolError as error:
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        if all(result[endpoint.value] is None for result in answer["results"]):
            reasons = dict.fromkeys(result["reason"] for result in answer["results"])
            return CallToolResult(content=[TextContent(text="; ".join(reasons))], is_error=True)
        text = json.dumps(answer, ensure_ascii=False, allow_nan=False)
        return CallToolResult(
            content=[TextContent(text=text)],
            structured_content=answer,
            _meta={"model": served.about},
        )

    return Server(
        "embedtool", version=__version__, instructions=INSTRUCTIONS.format(**served.about),
        on_list_tools=list_tools, on_call_tool=call_tool,
    )  # fmt: skip


def serve_tools(served: ServedModel, source: ModelSource | None = None) -> None:
    """Answer calls of tools until standard input ends."""

    async def run() -> None:
        server = tool_server(served, source)
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    asyncio.run(run())
