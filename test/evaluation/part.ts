/** What a part of the evaluation is given. */
export interface PartOptions {
  /** Folder of real series (see series.ts); undefined where none was named. */
  readonly data: string | undefined
  /** The short form: a minute or less, wide limits. */
  readonly quick: boolean
  readonly seed: number
  /** @param share 0 to 1 of the part's work that is done */
  readonly progress: (share: number) => void
}

export interface PartResult {
  /** Put into the final JSON object, e.g. `{ falseAlarms: ... }`. */
  readonly json: Readonly<Record<string, unknown>>
  /** Markdown for results.md, without heading, command and run time, which the command adds. */
  readonly section: string
  /** Files to be written beside results.md, by name. */
  readonly files?: Readonly<Record<string, string>>
}

export interface Part {
  /** As `--only` names it. */
  readonly letter: string
  /** Heading of its section in results.md. */
  readonly title: string
  readonly needsData: boolean
  /** Loads the part's file in test/evaluation/parts, which exports `run`. */
  readonly load: () => Promise<{
    readonly run: (options: PartOptions) => PartResult | Promise<PartResult>
  }>
}
