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
    # Imported here, so that wrong settings are reported before torch is loaded.
    if config.models or config.gpt_sovits.pretrained:
        from vivace.pipeline.named_models import open_pool
        from vivace.serve.backend import TTSBackend

        named, pool = open_pool(config)
        with pool:
            run_server(TTSBackend(named, pool), config)
        return
    from vivace.pipeline.tts import TTS
    from vivace.serve.backend import TTSBackend

    with TTS(config=config) as tts:
        run_server(TTSBackend.of(tts), config)
