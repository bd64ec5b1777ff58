import { parentPort, workerData } from 'node:worker_threads'
import { FuzzInputs } from './fuzz-inputs.ts'
import { Fuzzer } from './fuzzer.ts'

/** Fuzzes the ranges that it is told; `beats` is where others see that it is alive. */
const { seed, beats } = workerData as { seed: number; beats: Int32Array }
const inputs = new FuzzInputs(seed)
parentPort?.on('message', ({ from, count }: { from: number; count: number }) => {
  // Each range with decoders of its own, so that what a failure needs is in its range.
  const counts = new Fuzzer(inputs).run(from, count, (number) => {
    Atomics.store(beats, 0, number - from)
    Atomics.add(beats, 1, 1)
  })
  parentPort?.postMessage(counts)
})
