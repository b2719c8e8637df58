"""Lines of logs, as programs of this field print them; the same in each run.

Owns what benchmarks of logs send: the short lines of servers and trainings with their many numbers, and lines as long
as is asked, JSON with an id, a time, an address and a text of words as frequent as a language's are.
"""

import json
import random
from collections.abc import Iterator
from itertools import accumulate

A_SECOND = 20
"""Lines of a busy container."""
NAMESPACES = ("vision", "search", "language", "routing")
_WORDS = 20_000


def namespace_of(number: int) -> str:
    """Whose a line is: a minute of one container after the other."""
    return NAMESPACES[number // (A_SECOND * 60) % len(NAMESPACES)]


def short(number_of_lines: int) -> Iterator[tuple[str, str]]:
    """Namespace and line, of 64 characters."""
    chance = random.Random(38)
    for number in range(number_of_lines):
        kind, latency = chance.random(), chance.randint(1, 900)
        if kind < 0.5:
            path = chance.choice(("/predict", "/healthz", "/v1/chat/completions", "/metrics"))
            caller = f"10.0.{latency % 256}.{number % 256}:{40000 + number % 9000}"
            yield namespace_of(number), f'INFO:     {caller} - "POST {path} HTTP/1.1" 200 OK'
        elif kind < 0.8:
            loss, rate = chance.random() * 3, chance.random() / 1e4
            speed = chance.randint(9000, 12000)
            yield namespace_of(number), f"step {number} loss={loss:.5f} lr={rate:.3e} tokens/s={speed}"
        else:
            said = {"level": "info", "msg": "request done", "request_id": f"{chance.getrandbits(64):x}", "ms": latency}
            yield namespace_of(number), json.dumps(said)


def of_length(number_of_lines: int, characters: int) -> Iterator[tuple[str, str]]:
    """Namespace and line, each of so many characters, the last words cut."""
    chance = random.Random(58)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    common = list(accumulate(1 / (place + 2) for place in range(len(letters))))
    words = ["".join(chance.choices(letters, cum_weights=common, k=chance.randint(3, 10))) for _ in range(_WORDS)]
    # Zipf: the n-th word is as frequent as one n-th of the first.
    weights = list(accumulate(1 / (place + 1) for place in range(_WORDS)))
    for number in range(number_of_lines):
        latency = chance.randint(1, 9000) / 10
        asked = f"{chance.getrandbits(64):016x}"
        caller, model = f"10.0.{chance.randint(0, 3)}.{chance.randint(0, 255)}", f"{chance.choice(NAMESPACES)}-7b"
        said = f'{{"level":"info","ms":{latency},"id":"{asked}","caller":"{caller}","model":"{model}","msg":"'
        text = " ".join(chance.choices(words, cum_weights=weights, k=characters // 3))
        yield namespace_of(number), f"{said}{text}"[:characters]
