/** The panel for faults in a live cluster that was started with `--allow-faults`. */
import './faults/faults.css'
import { useState } from 'preact/hooks'
import type { ControlCommand, ControlResult } from '../../src/inspect/records/control.ts'
import type { Control, PartProps } from './context.ts'
import { NetworkMap } from './faults/map.tsx'
import { Requests } from './faults/requests.tsx'
import { Rules } from './faults/rules.tsx'
import { Servers } from './faults/servers.tsx'

/** Sends a command. The panel shows the result, and it is returned. */
export type Act = (command: ControlCommand) => Promise<ControlResult>

/** The panel; or the reason why the cluster takes no commands. */
export function Faults({ store, control }: PartProps & { readonly control: Control | null }) {
  const [shown, setShown] = useState<ControlResult | null>(null)
  // Commands act on the present cluster, at any place of the reader in the records.
  const { cluster, servers } = store.timeline.latest
  if (cluster === null) return <p class="faults-hint">No server has reported yet.</p>
  if (!cluster.allowsFaults) {
    return (
      <p class="faults-hint">
        This cluster was started without <code>--allow-faults</code>, so it accepts no faults. Start a cluster
        with <code>paxos cluster --inspect --allow-faults</code>.
      </p>
    )
  }
  if (control === null) {
    return (
      <p class="faults-hint">
        This page cannot send commands. Open the complete address that <code>paxos</code> printed: it ends in{' '}
        <code>#token=…</code>, which allows commands.
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
    setShown(result)
    return result
  }
  const rules = cluster.rules ?? []
  const nodes = servers.map(({ node }) => node)
  return (
    <div class="faults">
      <p class={shown?.ok === false ? 'faults-result is-error' : 'faults-result'} role="status">
        {shown === null ? 'These commands act on the running servers.' : resultText(shown)}
      </p>
      <NetworkMap nodes={nodes} servers={servers} rules={rules} act={act} />
      <Requests control={control} />
      <Servers servers={servers} act={act} />
      <Rules nodes={nodes} rules={rules} act={act} />
    </div>
  )
}

function resultText(result: ControlResult): string {
  return result.ok ? result.text : `Failed: ${result.error}`
}
