import './refusals.css'
import { useState } from 'preact/hooks'
import type { Refusal } from '../../src/inspect/records/protocol.ts'
import type { Control } from './context.ts'
import { pure } from './shell/pure.ts'

interface RefusalsProps {
  readonly refusals: readonly Refusal[]
  /** `null` when the page cannot send commands. */
  readonly control: Control | null
}

/** The servers that the hub refused, by cluster, with a button to show that cluster. */
export const Refusals = pure(function Refusals({ refusals, control }: RefusalsProps) {
  const clusters = [...new Set(refusals.map(({ key }) => key))]
  if (clusters.length === 0) return null
  return (
    <section class="refusals" aria-label="Refused servers">
      {clusters.map((key) => (
        <RefusedCluster
          key={key}
          refusals={refusals.filter((refusal) => refusal.key === key)}
          control={control}
        />
      ))}
    </section>
  )
})

function RefusedCluster({ refusals, control }: RefusalsProps) {
  const [failure, setFailure] = useState<string | null>(null)
  const last = refusals.at(-1)
  if (last === undefined) return null
  const nodes = refusals.map(({ node }) => node).sort((a, b) => a - b)
  const count = refusals.reduce((sum, refusal) => sum + refusal.count, 0)
  const choose = async () => {
    const result = await control?.({ type: 'cluster', key: last.key })
    setFailure(result === undefined || result.ok ? null : result.error)
  }
  return (
    <p role="status">
      <strong>
        Server {nodes.join(', ')} of cluster {last.cluster}
      </strong>{' '}
      {nodes.length === 1 ? 'is' : 'are'} refused ({count} {count === 1 ? 'time' : 'times'}): {last.reason}.{' '}
      {control === null ? null : (
        <button type="button" onClick={() => void choose()}>
          Show cluster {last.cluster}
        </button>
      )}
      {failure === null ? null : <span class="refusal-failure"> {failure}</span>}
    </p>
  )
}
