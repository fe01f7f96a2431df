/**
 * Sample-rate conversion to 8 kHz by a polyphase low-pass (windowed sinc), fed piece by piece. Without the low-pass
 * all above 4 kHz would fold back as noise.
 */

const targetRate = 8_000;
/** Zero crossings of the sinc on each side: the steepness of the filter. */
const lobes = 24;
/** Where the pass band ends, as a share of the lower Nyquist frequency. */
const passShare = 0.92;

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

interface Kernel {
  phases: Float32Array[];
  /** Input samples on each side that an output sample needs. */
  reach: number;
  up: number;
  down: number;
}

const kernels = new Map<number, Kernel>();

function kernelFor(sampleRate: number): Kernel {
  const known = kernels.get(sampleRate);
  if (known) return known;
  const divisor = greatestCommonDivisor(sampleRate, targetRate);
  const up = targetRate / divisor;
  const cutoff = (Math.min(sampleRate, targetRate) / sampleRate) * passShare;
  const reach = Math.ceil(lobes / cutoff);
  const phases = Array.from({ length: up }, (_, phase) => {
    const taps = Float32Array.from({ length: 2 * reach }, (_, index) => {
      const distance = index - reach + 1 - phase / up;
      const angle = Math.PI * distance * cutoff;
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
      const edge = distance / reach;
      const blackman =
        Math.abs(edge) >= 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * edge) + 0.08 * Math.cos(2 * Math.PI * edge);
      return sinc * blackman;
    });
    const gain = taps.reduce((sum, tap) => sum + tap, 0);
    return taps.map((tap) => tap / gain);
  });
  const kernel = { phases, reach, up, down: sampleRate / divisor };
  if (kernels.size < 16) kernels.set(sampleRate, kernel);
  return kernel;
}

export class Resampler {
  readonly #kernel: Kernel | undefined;
  #held: Int16Array;
  /** Position of the next output sample: whole input samples into `#held`, and the phase between two. */
  #position: number;
  #phase = 0;

  constructor(sampleRate: number) {
    this.#kernel = sampleRate === targetRate ? undefined : kernelFor(sampleRate);
    const reach = this.#kernel?.reach ?? 0;
    this.#held = new Int16Array(Math.max(0, reach - 1));
    this.#position = Math.max(0, reach - 1);
  }

  /** Takes samples at the source's rate, gives those at 8 kHz that are complete by them. */
  push(input: Int16Array): Int16Array {
    const kernel = this.#kernel;
    if (!kernel) return input;
    const samples = new Int16Array(this.#held.length + input.length);
    samples.set(this.#held);
    samples.set(input, this.#held.length);
    const output = new Int16Array(Math.ceil((input.length * kernel.up) / kernel.down) + 2);
    let produced = 0;
    while (this.#position + kernel.reach < samples.length && produced < output.length) {
      output[produced++] = this.#sampleAt(samples, kernel);
      this.#phase += kernel.down;
      this.#position += Math.floor(this.#phase / kernel.up);
      this.#phase %= kernel.up;
    }
    const used = Math.min(Math.max(0, this.#position - kernel.reach + 1), samples.length);
    this.#held = samples.slice(used);
    this.#position -= used;
    return output.subarray(0, produced);
  }

  /** What is left in the filter after the last sample. */
  flush(): Int16Array {
    return this.#kernel ? this.push(new Int16Array(this.#kernel.reach)) : new Int16Array(0);
  }

  #sampleAt(samples: Int16Array, kernel: Kernel): number {
    const taps = kernel.phases[this.#phase] ?? new Float32Array(0);
    const start = this.#position - kernel.reach + 1;
    let sum = 0;
    for (let index = 0; index < taps.length; index++) sum += (taps[index] ?? 0) * (samples[start + index] ?? 0);
    return Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
}
