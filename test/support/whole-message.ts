import { TypeCompiler } from '@sinclair/typebox/compiler'
import { dictionary } from '../../src/messages/dictionary.ts'
import { typeOf } from '../../src/wire/schema.ts'

const checks = new Map<unknown, { Check(value: unknown): boolean }>(
  Object.entries(dictionary).map(([type, { schema }]) => [type, TypeCompiler.Compile(schema)]),
)

/** True for a message with its batches that fits the schema of the dictionary in every part. */
export function isWholeMessage(value: unknown): boolean {
  return checks.get(typeOf(value))?.Check(value) ?? false
}
