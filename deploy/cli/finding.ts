/** One thing that `postflight doctor` looked at: what was found, and what to do if it is not well (lines). */
export interface Finding {
  readonly check: string
  readonly level: 'ok' | 'warning' | 'problem'
  readonly found: string
  readonly advice: string
}
