import { z } from 'zod'
import { configSchema, SECRET_SETTINGS } from './config.ts'

/** One setting by all its names. */
export interface Setting {
  /** Such as `analysis.watchMinutes`: its place in the file, and the flag after two dashes. */
  readonly path: string
  /** Such as `POSTFLIGHT_ANALYSIS_WATCH_MINUTES`. */
  readonly variable: string
  /** True for lists and maps. */
  readonly structured: boolean
  readonly list: boolean
  readonly secret: boolean
  readonly defaultValue: unknown
}

/** Every setting, in the order of the schema. */
export function settings(): readonly Setting[] {
  return walk(configSchema, [], configSchema.parse({}))
}

function walk(schema: z.ZodObject, steps: readonly string[], defaults: unknown): Setting[] {
  return Object.entries(schema.shape).flatMap(([key, field]) => {
    const inner = unwrap(field as z.ZodType)
    const path = [...steps, key]
    const defaultValue = (defaults as Record<string, unknown>)[key]
    if (inner instanceof z.ZodObject) return walk(inner, path, defaultValue)
    const name = path.join('.')
    const variable = `POSTFLIGHT_${path.map((step) => step.replaceAll(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`
    const list = inner instanceof z.ZodArray
    const structured = list || inner instanceof z.ZodRecord
    return [{ path: name, variable, structured, list, secret: SECRET_SETTINGS.has(name), defaultValue }]
  })
}

/** The keys that may stand at a place of the settings, within lists and maps too. @param steps such as `alerts`, `webhooks`, 0 */
export function keysAt(steps: readonly PropertyKey[], schema: z.ZodType = configSchema): readonly string[] {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodUnion)
    return inner.options.flatMap((option) => keysAt(steps, option as z.ZodType))
  const [step, ...rest] = steps
  if (step === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
  const next =
    inner instanceof z.ZodObject
      ? (inner.shape as Record<PropertyKey, z.ZodType>)[step]
      : inner instanceof z.ZodArray
        ? inner.element
        : inner instanceof z.ZodRecord
          ? inner.valueType
          : undefined
  return next === undefined ? [] : keysAt(rest, next as z.ZodType)
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return unwrap(schema.unwrap() as z.ZodType)
  // What `preprocess` makes: the settings are those of what it leads to.
  if (schema instanceof z.ZodPipe) return unwrap(schema.out as z.ZodType)
  return schema
}
