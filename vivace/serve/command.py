"""From settings to a running server."""

from vivace.serve.access import check_exposure
from vivace.serve.logs import set_up_logs
from vivace.serve.run import run_server
from vivace.settings import TTSConfig


def run(config: TTSConfig) -> None:
    """Load the model, serve until a signal comes, let go of everything.

    Raises: SettingsError, WeightsError, DeviceError before anything listens.
    """
    check_exposure(config.server)
    set_up_logs(config.server)
    from vivace.pipeline.tts import TTS  # here: what is wrong with the settings is said before torch is loaded
    from vivace.serve.engine_speaker import EngineSpeaker

    with TTS(config=config) as tts:
        run_server(EngineSpeaker(tts), config)
