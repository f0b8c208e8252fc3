import type { Json } from '../../machines/batch.ts'
import type { Position } from '../../machines/outcome.ts'

/** The result of an executed request, and its position: (instance, index) only grows. */
export interface ExecutedRequest<Result = Json> extends Position {
  readonly result: Result
}
