"""The APIs of the server: one module each, and the list of all."""

from vivace.serve.apis import (
    api_v2,
    cached_voice,
    chattts,
    elevenlabs,
    elevenlabs_input,
    openai,
    realtime,
    status,
    text,
    voices,
)

APIS = (
    openai.API,
    voices.API,
    realtime.API,
    elevenlabs.API,
    elevenlabs_input.API,
    cached_voice.API,
    api_v2.API,
    chattts.API,
    text.API,
    status.API,
)
