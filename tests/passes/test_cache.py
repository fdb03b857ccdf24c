"""Files of the cache: read back as they were, refused when damaged, never more than the folder may hold."""

import json
import os

import numpy as np
import pytest
from planish.passes.cache import Cache, Entry, data_fingerprint, fingerprint, network_fingerprint
from planish.passes.graph import to_graph

KEY = fingerprint("test", 1)


def entry(rng, shape=(3, 5, 7)):
    arrays = {"gram": rng.standard_normal(shape).astype(np.float32), "mean": rng.standard_normal(4)}
    return Entry({"count": 35, "names": ["a", "b"]}, arrays)


def only_file(folder):
    (path,) = folder.iterdir()
    return path


def test_what_was_kept_is_found_again(tmp_path, rng):
    kept = entry(rng)
    Cache(tmp_path / "deep" / "folder").keep(KEY, kept)
    cache = Cache(tmp_path / "deep" / "folder")
    found = cache.find(KEY)
    assert found.facts == kept.facts
    for name, array in kept.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
        assert not found.arrays[name].flags.writeable
    assert cache.find(fingerprint("test", 2)) is None
    assert cache.notes == []


def damage_end(raw):
    return raw[:-1] + bytes([raw[-1] ^ 1])


def claim_more(raw):
    return raw.replace(b"[3, 5, 7]", b"[9, 5, 7]")


def claim_everything(raw):
    return b"\xff" * 8 + raw[8:]


def be_foreign(raw):
    return raw.replace(KEY.encode(), fingerprint("other").encode())


def lack_sum(raw):
    return raw.replace(b'"crc32"', b'"crc64"')


@pytest.mark.parametrize(
    "damage",
    [
        damage_end,
        claim_more,
        claim_everything,
        be_foreign,
        lack_sum,
        lambda raw: raw[:90],
        lambda raw: b"",
        lambda raw: b"x" * 200,
    ],
)
def test_damaged_and_foreign_files_are_not_used_and_made_anew(tmp_path, rng, damage):
    kept = entry(rng)
    Cache(tmp_path).keep(KEY, kept)
    path = only_file(tmp_path)
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    cache = Cache(tmp_path)
    assert cache.find(KEY) is None
    assert str(path) in cache.notes[0]
    cache.keep(KEY, kept)
    np.testing.assert_array_equal(cache.find(KEY).arrays["gram"], kept.arrays["gram"])


def test_an_array_of_objects_is_no_array(tmp_path, rng):
    Cache(tmp_path).keep(KEY, entry(rng))
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"<f4"', b'"|O4"'))
    cache = Cache(tmp_path)
    assert cache.find(KEY) is None
    assert "not used" in cache.notes[0]


def test_the_folder_holds_no_more_than_its_limit(tmp_path, rng):
    keys = [fingerprint(number) for number in range(4)]
    size = 4 * 1000
    for age, key in enumerate(keys[:3]):
        Cache(tmp_path, 10 * size).keep(key, Entry({}, {"x": np.ones(1000, np.float32)}))
        os.utime(tmp_path / f"{key}.planish", (age, age))
    last = Cache(tmp_path, 3 * size + 500)
    assert last.find(keys[0]) is not None  # used now, so the second is the oldest
    last.keep(keys[3], Entry({}, {"x": np.ones(1000, np.float32)}))
    left = {path.stem for path in tmp_path.iterdir()}
    assert keys[0] in left and keys[3] in left and keys[1] not in left
    last.keep(KEY, Entry({}, {"x": np.ones(4000, np.float32)}))
    assert "more than the cache may hold" in last.notes[0]
    assert KEY not in {path.stem for path in tmp_path.iterdir()}


def test_what_cannot_be_written_is_noted(tmp_path, rng):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")
    cache.keep(KEY, entry(rng))
    assert "is not kept" in cache.notes[0]
    assert cache.find(KEY) is None


def test_networks_and_data_have_fingerprints_of_their_own(make_model, rng):
    from planish.files import as_parts

    text = "g (float[n,3,5,7] x) => (float[n,2,5,7] y) { y = Conv (x, w) }"
    weights = rng.standard_normal((2, 3, 1, 1)).astype(np.float32)
    graphs = [to_graph(as_parts(make_model(text, w=w))) for w in (weights, weights, weights + 1)]
    first, again, other = map(network_fingerprint, graphs)
    assert first == again != other
    images = rng.standard_normal((4, 3, 5, 7)).astype(np.float32)
    assert data_fingerprint([{"x": images}]) == data_fingerprint([{"x": images.copy()}])
    assert data_fingerprint([{"x": images}]) != data_fingerprint([{"x": images[::-1]}])
    assert json.dumps(fingerprint("a", [1])) != json.dumps(fingerprint("a", 1))
