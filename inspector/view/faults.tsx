/** The panel from which a reader breaks a live cluster that was started for that. */
import './faults/faults.css'
import { useState } from 'preact/hooks'
import type { ControlCommand, ControlResult } from '../../src/inspect/records/control.ts'
import type { Control, PartProps } from './context.ts'
import { NetworkMap } from './faults/map.tsx'
import { Requests } from './faults/requests.tsx'
import { Rules } from './faults/rules.tsx'
import { Servers } from './faults/servers.tsx'

/** Has something done; what came of it is told where all parts of the panel tell it, and returned. */
export type Act = (command: ControlCommand) => Promise<ControlResult>

/** The panel; or, where nothing can be done to the cluster, why. */
export function Faults({ store, control }: PartProps & { readonly control: Control | null }) {
  const [told, setTold] = useState<ControlResult | null>(null)
  // What is done is done to the cluster as it is now, wherever in the record the reader is.
  const { cluster, servers } = store.timeline.latest
  if (cluster === null) return <p class="faults-hint">No server has been heard of yet.</p>
  if (!cluster.allowsFaults) {
    return (
      <p class="faults-hint">
        This cluster was started without <code>--allow-faults</code>, so nothing can be done to it. Start one
        with <code>paxos cluster --inspect --allow-faults</code>.
      </p>
    )
  }
  if (control === null) {
    return (
      <p class="faults-hint">
        This page may look only. Open the whole address that <code>paxos</code> printed: it ends in{' '}
        <code>#token=…</code>, which allows what is done here.
      </p>
    )
  }
  const act: Act = async (command) => {
    const result = await control(command).catch(
      (error: unknown): ControlResult => ({
        ok: false,
        error: error instanceof Error ? error.message : String(error),
      }),
    )
    setTold(result)
    return result
  }
  const rules = cluster.rules ?? []
  const nodes = servers.map(({ node }) => node)
  return (
    <div class="faults">
      <p class={told?.ok === false ? 'faults-told is-error' : 'faults-told'} role="status">
        {told === null ? 'What is done here is done to the servers that run.' : toldText(told)}
      </p>
      <NetworkMap nodes={nodes} servers={servers} rules={rules} act={act} />
      <Requests control={control} />
      <Servers servers={servers} act={act} />
      <Rules nodes={nodes} rules={rules} act={act} />
    </div>
  )
}

function toldText(result: ControlResult): string {
  return result.ok ? result.text : `Not done: ${result.error}`
}
