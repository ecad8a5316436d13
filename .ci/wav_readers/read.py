"""Reads the WAV files in a directory with every installed reader, and compares the content with the expected one."""

import importlib.util
import json
import pathlib
import sys
import wave


def pcm_bytes(samples, bits):
    """Returns integer samples as they are in the file."""
    if bits == 8:
        return bytes(samples)
    return b"".join(int(sample).to_bytes(bits // 8, "little", signed=True) for sample in samples)


def read_wave(path, expected):
    # The standard library reads only integers, and refuses other files by name.
    if expected["float"]:
        return None
    with wave.open(str(path)) as file:
        return {
            "channels": file.getnchannels(),
            "sample_rate": file.getframerate(),
            "bits": 8 * file.getsampwidth(),
            "frames": file.getnframes(),
            "audio": file.readframes(file.getnframes()).hex(),
        }


def read_soundfile(path, expected):
    import soundfile

    info = soundfile.info(str(path))
    subtypes = {"PCM_U8": (8, False), "PCM_16": (16, False), "PCM_24": (24, False), "PCM_32": (32, False), "FLOAT": (32, True)}
    bits, is_float = subtypes[info.subtype]
    result = {
        "channels": info.channels,
        "sample_rate": info.samplerate,
        "bits": bits,
        "float": is_float,
        "frames": info.frames,
    }
    if is_float:
        result["audio"] = soundfile.read(str(path), dtype="float32")[0].tobytes().hex()
    else:
        # The samples fill the upper bits of 32.
        samples = soundfile.read(str(path), dtype="int32")[0].flatten().tolist()
        samples = [sample >> (32 - bits) for sample in samples]
        result["audio"] = pcm_bytes([sample + 128 for sample in samples] if bits == 8 else samples, bits).hex()
    return result


def read_scipy(path, expected):
    from scipy.io import wavfile

    rate, samples = wavfile.read(path)
    result = {"sample_rate": rate, "frames": len(samples), "channels": 1 if samples.ndim == 1 else samples.shape[1]}
    if expected["bits"] != 24:
        result["audio"] = samples.tobytes().hex()
    return result


def read_wavinfo(path, expected):
    import wavinfo

    format = wavinfo.WavInfoReader(str(path)).fmt
    return {"channels": format.channel_count, "sample_rate": format.sample_rate, "bits": format.bits_per_sample}


def read_wavefile(path, expected):
    import wavefile

    with wavefile.WaveReader(str(path)) as file:
        return {"channels": file.channels, "sample_rate": file.samplerate, "frames": file.frames}


READERS = {
    "wave": read_wave,
    "soundfile": read_soundfile,
    "scipy": read_scipy,
    "wavinfo": read_wavinfo,
    "wavefile": read_wavefile,
}

directory = pathlib.Path(sys.argv[1])
files = json.loads((directory / "expected.json").read_text())
assert len(files) >= 5, files.keys()
for file, expected in files.items():
    expected["audio"] = (directory / file).with_suffix(".raw").read_bytes().hex()
for name, read in READERS.items():
    if importlib.util.find_spec(name) is None:
        assert name not in ("wave", "soundfile"), f"{name} is not installed"
        continue
    count = 0
    for file, expected in files.items():
        result = read(directory / file, expected)
        if result is None:
            continue
        for field, value in result.items():
            assert value == expected[field], f"{name}, {file}: {field} is {value}, expected {expected[field]}"
        count += 1
    assert count >= 4, name
    print(f"{name} (Python): {count} files")
