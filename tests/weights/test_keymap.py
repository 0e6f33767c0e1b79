from vivace.weights.keymap import IDENTITY, KeyMap, TensorSource

LAYERS = KeyMap(
    rules=(
        (r"layers\.(\d+)\.mlp\.up_proj\.weight", r"blocks.\1.up"),
        (r"layers\.(\d+)\.(.+)", r"blocks.\1.\2"),
    ),
    weight_norm=((r"head\.(\d+)\.parametrizations\.weight", r"head.\1.weight"),),
)


def test_the_first_row_that_matches_counts() -> None:
    keys = ["layers.12.mlp.up_proj.weight", "layers.12.mlp.up_proj.bias"]
    assert [source.target for source in LAYERS.sources(keys)] == ["blocks.12.up", "blocks.12.mlp.up_proj.bias"]


def test_a_row_must_match_the_whole_key() -> None:
    assert LAYERS.sources(["my.layers.1.x"]) == (TensorSource("my.layers.1.x", ("my.layers.1.x",)),)


def test_no_row_no_change() -> None:
    assert IDENTITY.sources(["a.b", "c"]) == (TensorSource("a.b", ("a.b",)), TensorSource("c", ("c",)))


def test_a_weight_normalized_pair_is_one_tensor() -> None:
    g, v = "head.2.parametrizations.weight.original0", "head.2.parametrizations.weight.original1"
    for keys in ([g, v], [v, g]):
        (source,) = LAYERS.sources(keys)
        assert source == TensorSource("head.2.weight", (g, v))
        assert source.folds


def test_half_a_pair_keeps_its_name() -> None:
    g = "head.2.parametrizations.weight.original0"
    assert LAYERS.sources([g]) == (TensorSource(g, (g,)),)


def test_a_pair_without_a_row_is_two_tensors() -> None:
    assert len(LAYERS.sources(["tail.original0", "tail.original1"])) == 2
