import { useState } from 'preact/hooks'
import { serverAskedBy } from '../../src/schedule/client.ts'
import type { Playground, PlaygroundState } from './playground.ts'
import { here } from './session.ts'

interface RequestFormProps {
  readonly state: PlaygroundState
  readonly playground: Playground
}

/** Events from outside: requests of clients, cuts, new servers. */
export function RequestForm({ state, playground }: RequestFormProps) {
  const { session } = state
  const { servers, cuts } = here(session).state
  const isLock = session.setting.service === 'lock'
  const [client, setClient] = useState('a')
  const [server, setServer] = useState(0)
  const [words, setWords] = useState('')
  const usual = isLock ? 'lock x' : '{"action":"put","key":"x","value":1}'
  // While a client has open requests, it asks one server for all of them.
  const asked = serverAskedBy(here(session).state, client)
  const target = asked ?? Math.min(server, servers.length - 1)
  const joinVia = servers.find(({ node }) => node.running !== null)?.id
  return (
    <details class="playground-group" open>
      <summary>From outside: requests, cuts, new servers</summary>
      <form
        class="playground-row"
        onSubmit={(event) => {
          event.preventDefault()
          playground.command(`request ${client}→${target} ${words.trim() === '' ? usual : words.trim()}`)
        }}
      >
        <label>
          Client{' '}
          <select value={client} onChange={(event) => setClient(event.currentTarget.value)}>
            {['a', 'b', 'c', 'd'].map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          asks server{' '}
          <select
            value={target}
            disabled={asked !== null}
            onChange={(event) => setServer(Number(event.currentTarget.value))}
          >
            {servers.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
        <label class="playground-wide">
          for{' '}
          <input
            value={words}
            placeholder={usual}
            list="playground-requests"
            onInput={(event) => setWords(event.currentTarget.value)}
          />
        </label>
        <datalist id="playground-requests">
          {suggestions(isLock, servers.length).map((text) => (
            <option key={text} value={text} />
          ))}
        </datalist>
        <button type="submit">Ask</button>
      </form>
      <div class="playground-row">
        {servers.length > 1 &&
          servers.map(({ id }) => (
            <button
              key={id}
              type="button"
              onClick={() =>
                playground.command(
                  `cut ${id} from ${servers
                    .filter((other) => other.id !== id)
                    .map((other) => other.id)
                    .join(' ')}`,
                )
              }
            >
              Cut off {id}
            </button>
          ))}
        <button type="button" disabled={cuts.length === 0} onClick={() => playground.command('heal')}>
          Heal
        </button>
        {joinVia !== undefined && (
          <button type="button" onClick={() => playground.command(`join ${servers.length} via ${joinVia}`)}>
            Server {servers.length} joins
          </button>
        )}
      </div>
      {cuts.length > 0 && <p>Cut: {cuts.map(({ from, to }) => `${from}→${to}`).join(', ')}</p>}
    </details>
  )
}

function suggestions(isLock: boolean, servers: number): readonly string[] {
  const members = [`members add ${servers - 1}`, `members admit ${servers - 1}`, 'members remove 0']
  return isLock
    ? ['lock x', 'unlock x', 'lock y', 'unlock y', 'cancel 1', ...members]
    : [
        '{"action":"put","key":"x","value":1}',
        '{"action":"get","key":"x"}',
        '{"action":"take","key":"x"}',
        ...members,
      ]
}
