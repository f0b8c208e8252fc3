import './queues.css'
import type { Command, NodeId } from '../../../machines/batch.ts'
import { requestName } from '../../../src/core/names.ts'
import type { ServerPicture } from '../../../src/inspect/records/picture.ts'
import type { MachineState } from '../../../src/inspect/records/record.ts'
import { commandText } from '../../../src/messages/part-texts.ts'
import { type QueueEntry, queueOf } from '../../model/queues.ts'
import { isShort, timeText } from '../../model/record-text.ts'
import { pure } from '../shell/pure.ts'
import { Token } from '../shell/token.tsx'

interface QueuesProps {
  readonly servers: readonly ServerPicture[]
  /** The origin of the page's time. */
  readonly originMs: number
}

/** The content of each server's request queue. */
export const Queues = pure(function Queues({ servers, originMs }: QueuesProps) {
  return (
    <div class="queues">
      {servers.map(({ node, roles, state }) => (
        <QueueOf
          key={node}
          node={node}
          state={state}
          machine={roles?.requestQueue ?? null}
          originMs={originMs}
        />
      ))}
    </div>
  )
})

interface QueueProps {
  readonly node: NodeId
  readonly state: ServerPicture['state']
  readonly machine: MachineState | null
  readonly originMs: number
}

const QueueOf = pure(function QueueOf({ node, state, machine, originMs }: QueueProps) {
  const { count, delayedCount, entries } = machine === null ? queueOfNobody : queueOf(machine)
  const more = count - entries.length
  return (
    <section>
      <h3>
        <Token node={node} /> <span class="visually-hidden">Server {node}: </span>
        {machine === null ? state : `${count} held, ${delayedCount} delayed`}
      </h3>
      {entries.length === 0 ? null : (
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">request</th>
              <th scope="col">state</th>
              <th scope="col">since (s)</th>
              <th scope="col">client</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr key={`${entry.uid} ${entry.seq}`}>
                <td title={entry.uid}>
                  {requestName(entry)} {entryText(entry)}
                </td>
                <td class={`tag ${entry.state}`}>{stateText(entry)}</td>
                <td class="whole">
                  {entry.receivedAtMs === null ? null : timeText(entry.receivedAtMs, originMs)}
                </td>
                <td class={isShort(clientText(entry)) ? 'whole' : undefined}>{clientText(entry)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {more > 0 ? <p class="muted">{more} more are not shown</p> : null}
    </section>
  )
})

const queueOfNobody = { count: 0, delayedCount: 0, entries: [] }

function entryText({ command }: QueueEntry): string {
  return commandText(command as unknown as Command)
}

/** The address of the client, or the server that holds the request for it. */
function clientText({ replyTo, heldBy }: QueueEntry): string {
  return replyTo ?? `of server ${heldBy}`
}

function stateText({ state, tag }: QueueEntry): string {
  if (state === 'handedOver') return 'handed over'
  if (state !== 'waiting') return state
  return tag?.key == null ? 'waits for anything' : `waits for ${tag.key}`
}
