/** What a simulated client does, one step after another. */

interface Paced {
  /** How long it thinks before. */
  readonly thinkMs: number
  /** It gives the request up after this, and has it cancelled; `null` for never. */
  readonly patienceMs: number | null
}

export type ClientStep = Paced &
  (
    | { readonly kind: 'hold'; readonly name: string; readonly holdMs: number }
    /** Takes a lock and is never heard of again: somebody else has to free it. */
    | { readonly kind: 'leave'; readonly name: string }
    | { readonly kind: 'read'; readonly key: string }
    | { readonly kind: 'write'; readonly key: string; readonly value: number }
    | {
        readonly kind: 'compareAndSet'
        readonly key: string
        readonly expected: number
        readonly value: number
      }
    | { readonly kind: 'add'; readonly key: string; readonly amount: number }
  )
