import { useState } from 'preact/hooks'
import type { ControlResult } from '../../../src/inspect/records/control.ts'
import type { Control } from '../context.ts'
import { Kept, useKept } from '../kept.ts'

interface Asked {
  readonly number: number
  readonly text: string
  /** `null` while it waits. */
  readonly result: ControlResult | null
}

/** How many of the latest requests are listed. */
const listed = 8

const keptAsked = new Kept<readonly Asked[]>([])

/**
 * Sends requests for locks, and lists their results. A request for a held lock waits until the page is closed or the time limit
 * passes.
 */
export function Requests({ control }: { readonly control: Control }) {
  const [name, setName] = useState('a')
  const asked = useKept(keptAsked)
  const ask = async (action: 'lock' | 'unlock') => {
    const before = keptAsked.value
    const number = (before[0]?.number ?? 0) + 1
    keptAsked.set([{ number, text: `${action} ${name}`, result: null }, ...before].slice(0, listed))
    const result = await control({ type: 'request', action, name }).catch(
      (error: unknown): ControlResult => ({ ok: false, error: String(error) }),
    )
    keptAsked.set(keptAsked.value.map((other) => (other.number === number ? { ...other, result } : other)))
  }
  return (
    <section class="faults-part" aria-labelledby="faults-requests-title">
      <h3 id="faults-requests-title">Requests</h3>
      <form
        class="faults-head"
        onSubmit={(event) => {
          event.preventDefault()
          void ask('lock')
        }}
      >
        <label>
          Name{' '}
          <input
            class="faults-name"
            value={name}
            maxLength={64}
            required
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <button type="submit">Lock</button>
        <button type="button" disabled={name === ''} onClick={() => void ask('unlock')}>
          Unlock
        </button>
      </form>
      <ol class="faults-asked" aria-live="polite">
        {asked.map(({ number, text, result }) => (
          <li key={number} class={result?.ok === false ? 'is-error' : undefined}>
            {result?.ok ? result.text : `${text}: ${result === null ? 'waits…' : result.error}`}
          </li>
        ))}
      </ol>
    </section>
  )
}
