import { Presets, SingleBar } from 'cli-progress'

export interface Progress {
  /** @param done 0 to 1  @param records so far, where records are what takes the time */
  update(done: number, records?: number): void
  /** A text above the bar. */
  say(text: string): void
  /** May be called again. */
  stop(): void
}

/** A bar with rate and time left on a terminal; elsewhere a line every 5 seconds. */
export function showProgress(
  title: string,
  out: NodeJS.WriteStream | NodeJS.WritableStream,
  clock: () => number,
): Progress {
  const begun = clock()
  const rate = (records: number): string =>
    `${Math.round(records / Math.max(1, (clock() - begun) / 1000) / 1000)} thousand records/s`
  const left = (done: number): string => `${Math.ceil(((clock() - begun) / 1000) * (1 / done - 1))} s left`
  const pace = (done: number, records: number | undefined): string[] => [
    ...(records === undefined ? [] : [rate(records)]),
    ...(done <= 0 ? [] : [left(done)]),
  ]
  if ('isTTY' in out && out.isTTY) {
    const bar = new SingleBar(
      {
        format: `${title} {bar} {percentage} % | {pace}`,
        stream: out,
        hideCursor: true,
        barsize: 24,
      },
      Presets.rect,
    )
    bar.start(1000, 0, { pace: '' })
    return {
      update: (done, records) =>
        bar.update(Math.round(done * 1000), { pace: pace(done, records).join(' | ') }),
      // The line is cleared; the bar draws itself again.
      say: (text) => out.write(`\r\x1b[2K${text}\n`),
      stop: () => bar.stop(),
    }
  }
  let shown = begun
  return {
    update(done, records) {
      if (clock() - shown < 5000) return
      shown = clock()
      out.write(`${[`${title}: ${Math.round(done * 100)} %`, ...pace(done, records)].join(', ')}\n`)
    },
    say: (text) => out.write(`${text}\n`),
    stop() {},
  }
}
