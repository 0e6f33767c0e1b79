"""From a configuration to what is trained on and what is held out."""

from vivace.errors import InputError
from vivace.train.corpus.dataset import HELD_OUT, HOP, N_MELS, Corpus
from vivace.train.corpus.recording import SAMPLE_RATE
from vivace.train.vocoder.batches import Material
from vivace.train.vocoder.config import VocoderTraining
from vivace.train.vocoder.predicted_mels import MelFiles, ShardMels
from vivace.train.vocoder.prepared_audio import prepare_audio
from vivace.train.vocoder.recordings import CorpusRecordings, Recordings, split
from vivace.train.vocoder.reporting import Advance, Report

AUDIO = "audio"  # the folder of decoded recordings in the run's own


def gather(config: VocoderTraining, report: Report, progress: Advance | None = None) -> tuple[Material, Material]:
    """Training and held-out material.

    Raises:
        InputError: there are too few recordings, or mels that do not go with them.
    """
    if config.data.corpus is not None:
        return _of_corpus(config)
    assert config.data.folder is not None, "the configuration has one of the two"
    store = config.out / AUDIO
    rate, shortest = config.mel.sample_rate, config.mel.n_fft
    audio = prepare_audio(config.data.folder, store, rate, shortest=shortest, report=report, progress=progress)
    if len(audio.names) < 2:
        raise InputError(f"{str(config.data.folder)!r} has one recording; give two or more: one is held out")
    train, held = split(audio, config.data.held_out, config.seed)
    return _with_files(train, config), _with_files(held, config)


def _with_files(recordings: Recordings, config: VocoderTraining) -> Material:
    if config.data.mels is None:
        return Material(recordings)
    frames = [length // config.mel.hop for length in recordings.lengths]
    return Material(recordings, MelFiles(config.data.mels, recordings.names, frames, config.mel.n_mels))


def _of_corpus(config: VocoderTraining) -> tuple[Material, Material]:
    assert config.data.corpus is not None, "asked for by its caller"
    if (config.mel.sample_rate, config.mel.hop, config.mel.n_mels) != (SAMPLE_RATE, HOP, N_MELS):
        raise InputError(f"a corpus has {SAMPLE_RATE} Hz, a hop of {HOP} and {N_MELS} mel bins; leave 'mel' out")
    corpus = Corpus(config.data.corpus)
    made = []
    for part in ("train", HELD_OUT):
        recordings = CorpusRecordings(corpus, corpus.part(part))
        if not recordings.lengths:
            raise InputError(f"the corpus {str(config.data.corpus)!r} has nothing for {part!r}; make it larger")
        mels = ShardMels(config.data.mels, corpus, recordings.utterances) if config.data.mels else None
        made.append(Material(recordings, mels))
    return made[0], made[1]
