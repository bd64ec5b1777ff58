/** What of a measure of a service was not told apart, or not kept, in some minutes: a row of table `dimension_rest`. */
export interface Rest {
  readonly measure: string
  readonly service: string
  /** Seconds since the epoch: when it was looked at; of the past, the start of its day. */
  readonly at: number
  readonly minutes: number
  /** Values (or streams) that are kept, and that are not. */
  readonly kept: number
  readonly values: number
  /** Records of those that are not, and of all. */
  readonly records: number
  readonly of: number
  /** True: streams that are not kept; false: values that are put together. */
  readonly streams: boolean
  /** True: values that deserve a name found no room. */
  readonly full: boolean
}
