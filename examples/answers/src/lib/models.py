"""Language models behind one function. `fake` answers by rule, for tests and laptops; `openai` is any server that speaks that API.

A new one is a function and a line in MODELS.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wistro_sdk import RetryAfter

TIMEOUT_S = 60
INSTRUCTION = "Answer from these documents alone, and name the one you used in square brackets."


@dataclass(frozen=True)
class Passage:
    document: str
    text: str


Passages = Sequence[Passage]


def answer(question: str, passages: Passages, env: Mapping[str, str]) -> str:
    return MODELS[env["MODEL"].partition(":")[0]](question, passages, env)


def fake(question: str, passages: Passages, env: Mapping[str, str]) -> str:
    """The first passage's first sentence: the same question has the same answer."""
    if not passages:
        return "I do not know."
    first = passages[0]
    sentence = first.text.split("\n\n", 1)[-1].split(". ")[0].strip().rstrip(".")
    return f"{sentence}. [{first.document}]"


def openai(question: str, passages: Passages, env: Mapping[str, str]) -> str:
    """`MODEL=openai:<name>`, at MODEL_URL: chat completions, as Ollama, vLLM and the rest serve them."""
    documents = "\n\n".join(f"[{one.document}]\n{one.text}" for one in passages)
    body = {
        "model": env["MODEL"].partition(":")[2],
        "temperature": 0,
        "messages": [
            {"role": "system", "content": f"{INSTRUCTION}\n\n{documents}"},
            {"role": "user", "content": question},
        ],
    }
    request = urllib.request.Request(
        env["MODEL_URL"].rstrip("/") + "/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {env['MODEL_KEY']}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as found:
            return json.load(found)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        if error.code == 429:
            raise RetryAfter(float(error.headers.get("retry-after", 5))) from error
        raise


MODELS: dict[str, Callable[[str, Passages, Mapping[str, str]], str]] = {
    "fake": fake,
    "openai": openai,
}
