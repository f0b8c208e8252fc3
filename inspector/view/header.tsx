import './header.css'
import { useState } from 'preact/hooks'
import { leads, type ServerPicture } from '../../src/inspect/records/picture.ts'
import { leftOutText } from '../model/record-text.ts'
import type { SourceState } from '../model/store.ts'
import { pure } from './shell/pure.ts'
import { Token } from './shell/token.tsx'

interface HeaderProps {
  readonly source: SourceState
  readonly cluster: string | null
  readonly service: string | null
  readonly servers: readonly ServerPicture[]
  readonly unreadable: number
  readonly liveHref: string | null
  readonly onHelp: () => void
}

/** The header: the cluster, the source of the records, and the state of each server. */
export const Header = pure(function Header(props: HeaderProps) {
  const { source, cluster, service, servers, unreadable, liveHref, onHelp } = props
  const leftOut = servers.reduce((sum, server) => sum + server.leftOut, 0)
  return (
    <header class="header">
      <h1>Paxos inspector</h1>
      <Source source={source} />
      {cluster === null ? null : (
        <p class="cluster">
          {source.kind === 'playground' ? '' : `${cluster}, `}service {service}
        </p>
      )}
      <ul class="chips" aria-label="Servers">
        {servers.map((server) => (
          <ServerChip
            key={server.node}
            node={server.node}
            state={server.state}
            reason={server.reason}
            leads={leads(server)}
            refuses={server.roles?.auditor.state === 'disputed'}
            pid={server.pid}
            address={server.address}
          />
        ))}
      </ul>
      <div class="header-end">
        {leftOut === 0 ? null : (
          <span class="left-out" title="Busy servers left out records. The records after them follow a gap.">
            {leftOutText(leftOut)}
          </span>
        )}
        {unreadable === 0 ? null : (
          <span class="left-out" title="The page could not read these records and skipped them">
            {unreadable} unreadable
          </span>
        )}
        {source.kind === 'playground' || liveHref !== null ? null : <a href="#playground">Playground</a>}
        {liveHref === null ? null : (
          <a href={liveHref} title="The cluster that this page's inspector shows">
            Live
          </a>
        )}
        <ThemeButton />
        <button type="button" onClick={onHelp} title="Keys (?)">
          Keys
        </button>
      </div>
    </header>
  )
})

function Source({ source }: { readonly source: SourceState }) {
  switch (source.kind) {
    case 'live':
      switch (source.state) {
        case 'open':
          return (
            <p class="source good" role="status">
              <span aria-hidden="true">●</span> live
            </p>
          )
        case 'connecting':
          return (
            <p class="source warn" role="status">
              <span aria-hidden="true">○</span> connecting
            </p>
          )
        case 'lost':
          return (
            <p class="source bad" role="status">
              <span aria-hidden="true">○</span> reconnecting
            </p>
          )
      }
      source.state satisfies never
      return null
    case 'recording':
      return <p class="source">recording {source.name}</p>
    case 'playground':
      return <p class="source">playground</p>
  }
  source satisfies never
  return null
}

interface ServerChipProps extends Pick<ServerPicture, 'node' | 'state' | 'reason' | 'pid' | 'address'> {
  readonly leads: boolean
  /** It refuses requests for the service, because the servers differ and no quorum agrees. */
  readonly refuses: boolean
}

const ServerChip = pure(function ServerChip(props: ServerChipProps) {
  const { node, state, reason, leads, refuses, pid, address } = props
  const about = [
    address === null ? null : `at ${address}`,
    pid === null ? null : `pid ${pid}`,
    state === 'silent' && reason === null ? 'no report yet' : null,
    reason,
    refuses ? 'refuses requests for the service: the servers differ, and no quorum agrees' : null,
  ].filter((part) => part !== null)
  return (
    <li class={`chip ${state}`} title={about.join(', ')}>
      <span class="visually-hidden">server </span>
      <Token node={node} />
      <span class="chip-state">{state}</span>
      {leads ? <span class="chip-role">leads</span> : null}
      {refuses ? <span class="chip-role">differs</span> : null}
      <span class="visually-hidden">{about.join(', ')}</span>
    </li>
  )
})

/** Light or dark, for as long as the page is open. The default is the system's choice. */
function ThemeButton() {
  const [theme, setTheme] = useState<'light' | 'dark' | null>(null)
  const isDark = theme === null ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark'
  const next = isDark ? 'light' : 'dark'
  return (
    <button
      type="button"
      onClick={() => {
        document.documentElement.dataset.theme = next
        setTheme(next)
      }}
    >
      {isDark ? 'Light' : 'Dark'}
      <span class="visually-hidden"> colours</span>
    </button>
  )
}
