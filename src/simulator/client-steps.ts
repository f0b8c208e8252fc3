/** The steps of a simulated client, which it executes one after another. */

interface Paced {
  /** How long the client waits before the step. */
  readonly thinkMs: number
  /** The client cancels the request after this time; `null` for never. */
  readonly patienceMs: number | null
}

export type ClientStep = Paced &
  (
    | { readonly kind: 'hold'; readonly name: string; readonly holdMs: number }
    /** Asks for a lock, and vanishes when it holds the lock, or after `patienceMs` while it waits: nothing of the client goes on. */
    | { readonly kind: 'leave'; readonly name: string }
    | { readonly kind: 'read'; readonly key: string }
    /** Reads as `read` does, without a request. */
    | { readonly kind: 'query'; readonly key: string }
    | { readonly kind: 'write'; readonly key: string; readonly value: number }
    | {
        readonly kind: 'compareAndSet'
        readonly key: string
        readonly expected: number
        readonly value: number
      }
    | { readonly kind: 'add'; readonly key: string; readonly amount: number }
  )
