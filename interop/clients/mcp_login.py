"""The MCP SDK for Python as a program that logs a person in. It prints `open URL` for the browser and is told
where that ended by a line of its standard input; then it calls the tool whoami twice and prints the answers,
or the error, as JSON.

Its argument is a JSON file: {"url", "redirect"}, and "id" or "metadata_url" if it is not to register itself.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import ClientSession
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata


class Storage:
    """What a program remembers of itself; it has no tokens yet."""

    tokens = None

    def __init__(self, client_info):
        self.client_info = client_info

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client_info

    async def set_client_info(self, client_info):
        self.client_info = client_info


async def open_browser(url):
    print("open", url, flush=True)


async def called_back():
    line = await asyncio.to_thread(sys.stdin.readline)
    told = {name: values[0] for name, values in parse_qs(urlsplit(line.strip()).query).items()}
    if "code" not in told:
        raise RuntimeError(told["error"])
    return AuthorizationCodeResult(code=told["code"], state=told.get("state"), iss=told.get("iss"))


def provider(given):
    redirect_uris = [given["redirect"]]
    known = None
    if "id" in given:
        known = OAuthClientInformationFull(client_id=given["id"], redirect_uris=redirect_uris, token_endpoint_auth_method="none")
    return OAuthClientProvider(
        server_url=given["url"],
        client_metadata=OAuthClientMetadata(
            client_name="Python assistant",
            redirect_uris=redirect_uris,
            grant_types=["authorization_code", "refresh_token"],
            token_endpoint_auth_method="none",
        ),
        storage=Storage(known),
        redirect_handler=open_browser,
        callback_handler=called_back,
        client_metadata_url=given.get("metadata_url"),
    )


async def main(given):
    async with (
        httpx2.AsyncClient(auth=provider(given), timeout=20) as client,
        streamable_http_client(given["url"], http_client=client) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        return [(await session.call_tool("whoami")).structured_content for _ in range(2)]


def causes(error):
    """The errors that a group of tasks has ended with."""
    return [cause for e in error.exceptions for cause in causes(e)] if isinstance(error, BaseExceptionGroup) else [error]


with open(sys.argv[1]) as file:
    arguments = json.load(file)
try:
    print(json.dumps({"calls": asyncio.run(main(arguments))}))
except Exception as error:
    print(json.dumps({"error": "; ".join(f"{type(e).__name__}: {e}" for e in causes(error))}))
