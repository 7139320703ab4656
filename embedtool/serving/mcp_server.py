"""Queries to word vectors as tools of a Model Context Protocol (MCP) server.

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


class _CurrentModel:
    """The served model: the last one that opened without an error."""

    def __init__(self, served: ServedModel, source: ModelSource | None) -> None:
        self.served = served
        self.source = source

    def get(self) -> ServedModel:
        """Return the model, after opening a replacement if there is one."""
        if self.source is not None and self.source.is_replaced():
            with log_failed_reload():
                self.served = self.source.open_replacement()
        return self.served


def tool_server(served: ServedModel, source: ModelSource | None = None) -> Any:
    """Return the MCP server of a model: a tool for each endpoint, with the arguments of its POST.

    Parameters
    ----------
    source : ModelSource
        The model on disk, to reopen it when it is replaced; None for never.
    """
    current = _CurrentModel(served, source)
    named = {endpoint.name: endpoint for endpoint in endpoints(served)}
    hints = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    tools = [
        Tool(
            name=name, description=endpoint.summary, input_schema=endpoint.request_schema,
            output_schema=endpoint.response_schema, annotations=hints,
        )
        for name, endpoint in named.items()
    ]  # fmt: skip

    async def list_tools(context: Any, params: Any) -> Any:
        return ListToolsResult(tools=tools)

    async def call_tool(context: Any, params: CallToolRequestParams) -> Any:
        if params.name not in named:
            raise MCPError(INVALID_PARAMS, f"no tool {params.name!r}: expected {', '.join(named)}")
        endpoint, served = named[params.name], current.get()
        try:
            items, options = endpoint.parse_json(params.arguments or {})
            answer = {"results": endpoint.answer_each(served, items, options)}
        except EmbedtoolError as error:
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        if all(result[endpoint.answer_key] is None for result in answer["results"]):
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
    """Answer tool calls until standard input ends."""

    async def run() -> None:
        server = tool_server(served, source)
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    asyncio.run(run())
