import { parentPort, workerData } from 'node:worker_threads'
import { Fuzzer } from './fuzzer.ts'

/** Fuzzes the ranges that it is told; `beats` is where others see that it is alive. */
const { seed, beats } = workerData as { seed: number; beats: Int32Array }
parentPort?.on('message', ({ from, count }: { from: number; count: number }) => {
  // Each range with decoders of its own, so that what a failure needs is in its range.
  const fuzzer = new Fuzzer(seed)
  const counts = fuzzer.run(from, count, (number) => {
    Atomics.store(beats, 0, number - from)
    Atomics.add(beats, 1, 1)
  })
  parentPort?.postMessage(counts)
})
