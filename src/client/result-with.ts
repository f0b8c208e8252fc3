import type { Json } from '../../machines/batch.ts'
import { UnexpectedResult } from './errors.ts'

/** `result`, which has the field `field` when the cluster runs the service of the call. Throws UnexpectedResult when it has not. */
export function resultWith<Result>(result: Json, field: keyof Result & string): Result {
  if (typeof result === 'object' && result !== null && field in result) return result as Result
  throw new UnexpectedResult(`an object with ${field}`, result)
}
