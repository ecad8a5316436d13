// Reads the WAV files in a directory with every reader, and compares the content with the expected one.

const assert = require("node:assert");
const { once } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");

const readers = {
  async wav(file) {
    const reader = new (require("wav").Reader)();
    const parts = [];
    reader.on("data", (part) => parts.push(part));
    const format = once(reader, "format");
    const end = once(reader, "end");
    fs.createReadStream(file).pipe(reader);
    const [[found]] = await Promise.all([format, end]);
    const { channels, sampleRate, bitDepth, audioFormat } = found;
    return {
      channels,
      sample_rate: sampleRate,
      bits: bitDepth,
      float: audioFormat === 3,
      audio: Buffer.concat(parts).toString("hex"),
    };
  },

  async "wav-file-info"(file, expected) {
    const { infoByFilename } = require("wav-file-info");
    const info = await new Promise((resolve, reject) =>
      infoByFilename(file, (error, info) => (error ? reject(new Error(JSON.stringify(error))) : resolve(info))),
    );
    const { num_channels, sample_rate, bits_per_sample } = info.header;
    return { channels: num_channels, sample_rate, bits: bits_per_sample };
  },

  async "node-wav"(file) {
    // It does not read a buffer that is a part of a larger one, as Node.js returns for a small file.
    const { buffer } = new Uint8Array(fs.readFileSync(file));
    const { sampleRate, channelData } = require("node-wav").decode(buffer);
    return { sample_rate: sampleRate, channels: channelData.length, frames: channelData[0].length };
  },

  async wavefile(file) {
    // Its samples include the padding byte.
    const wav = new (require("wavefile").WaveFile)(fs.readFileSync(file));
    return {
      channels: wav.fmt.numChannels,
      sample_rate: wav.fmt.sampleRate,
      bits: wav.fmt.bitsPerSample,
      float: wav.fmt.audioFormat === 3,
      audio: Buffer.from(wav.data.samples).subarray(0, wav.data.chunkSize).toString("hex"),
    };
  },

  async "wav-decoder"(file) {
    const { numberOfChannels, length, sampleRate } = await require("wav-decoder").decode(fs.readFileSync(file));
    return { channels: numberOfChannels, frames: length, sample_rate: sampleRate };
  },

  async "music-metadata"(file) {
    const { parseFile } = await import(optional["music-metadata"]);
    const { numberOfChannels, sampleRate, bitsPerSample, numberOfSamples } = (await parseFile(file)).format;
    return { channels: numberOfChannels, sample_rate: sampleRate, bits: bitsPerSample, frames: numberOfSamples };
  },
};

// An ES module does not use NODE_PATH.
const optional = { "music-metadata": path.join(process.env.NODE_PATH, "music-metadata", "lib", "index.js") };

async function main() {
  const directory = process.argv[2];
  const files = JSON.parse(fs.readFileSync(path.join(directory, "expected.json")));
  assert(Object.keys(files).length >= 5);
  for (const [file, expected] of Object.entries(files)) {
    const raw = path.join(directory, file.replace(/\.wav$/, ".raw"));
    expected.audio = fs.readFileSync(raw).toString("hex");
  }
  for (const [name, read] of Object.entries(readers)) {
    if (name in optional && !fs.existsSync(optional[name])) continue;
    for (const [file, expected] of Object.entries(files)) {
      const result = await read(path.join(directory, file), expected);
      for (const [field, value] of Object.entries(result)) {
        assert.strictEqual(value, expected[field], `${name}, ${file}: ${field}`);
      }
    }
    console.log(`${name} (npm): ${Object.keys(files).length} files`);
  }
}

main();
