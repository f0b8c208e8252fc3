import type { ServerPicture } from '../../../src/inspect/records/picture.ts'
import { armedTimers } from '../../model/faults.ts'
import type { Act } from '../faults.tsx'
import { partyClass } from '../shell/party-class.ts'

type Action = 'pause' | 'resume' | 'crash' | 'restart'

/** The possible commands for a server in each state. A `silent` server may be running. */
const possible: Readonly<Record<ServerPicture['state'], readonly Action[]>> = {
  up: ['pause', 'crash'],
  paused: ['resume', 'crash'],
  gone: ['restart'],
  silent: ['resume', 'crash', 'restart'],
}

const labels: Readonly<Record<Action, string>> = {
  pause: 'Pause',
  resume: 'Resume',
  crash: 'Crash',
  restart: 'Restart',
}

/** Each server with its possible commands and its armed timers. */
export function Servers({ servers, act }: { readonly servers: readonly ServerPicture[]; readonly act: Act }) {
  return (
    <section class="faults-part" aria-labelledby="faults-servers-title">
      <h3 id="faults-servers-title">Servers</h3>
      <ul class="faults-servers">
        {servers.map((server) => (
          <Server key={server.node} server={server} act={act} />
        ))}
      </ul>
    </section>
  )
}

function Server({ server, act }: { readonly server: ServerPicture; readonly act: Act }) {
  const { node, state, roles } = server
  const timers = roles === null || state !== 'up' ? [] : armedTimers(roles)
  return (
    <li class={partyClass(node)}>
      <div class="faults-head">
        <span class="faults-chip">server {node}</span>
        <span>{state}</span>
        {possible[state].map((action) => (
          <button
            key={action}
            type="button"
            aria-label={`${labels[action]} server ${node}`}
            onClick={() => void act({ type: action, node })}
          >
            {labels[action]}
          </button>
        ))}
        <span class="faults-muted">{timers.length === 0 ? 'no timer is armed' : 'fire now:'}</span>
        {timers.map(({ role, id, delay }) => (
          <button
            key={id}
            type="button"
            aria-label={`${role}: ${delay} of server ${node}, fire now`}
            onClick={() => void act({ type: 'timer', node, role, id })}
          >
            {role}: {delay}
          </button>
        ))}
      </div>
    </li>
  )
}
