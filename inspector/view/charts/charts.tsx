import './charts.css'
import './chart.css'
import { useMemo, useRef, useState } from 'preact/hooks'
import type { Picture } from '../../../src/inspect/records/picture.ts'
import { charts } from '../../charts/charts.ts'
import type { ChartName } from '../../charts/drawing.ts'
import { litStep, stepOf } from '../../charts/lit.ts'
import { clientTokens, roleTokens, type Token } from '../../charts/tokens.ts'
import type { PartProps } from '../context.ts'
import { Announcement } from './announcement.tsx'
import { Choice, type Shown } from './choice.tsx'
import { OneServer } from './one-server.tsx'
import { Overview } from './overview.tsx'
import { Single } from './single.tsx'

/** The statecharts of the roles and of the client, with a token in each server's state, and with the last step highlighted. */
export function Charts({ view, store }: PartProps) {
  const [shown, setShown] = useState<Shown>('all')
  const { picture, selected, following } = view
  const tokens = useTokens(picture)
  const isMoving = following.mode !== 'paused'
  const chosen = selected === null ? null : stepOf(store.timeline.record(selected))
  const step = chosen ?? picture.last
  const lit = useMemo(() => (step === null ? null : litStep(step, charts)), [step])
  const chart = charts.find(({ name }) => name === shown)
  const server = picture.servers.find(({ node }) => node === shown)
  return (
    <section class="charts" aria-label="Role charts">
      <Choice shown={chart?.name ?? server?.node ?? 'all'} servers={picture.servers} show={setShown} />
      <div class="charts-panel">
        {chart !== undefined ? (
          <Single
            key={chart.name}
            chart={chart}
            tokens={tokens[chart.name]}
            lit={lit?.byChart.get(chart.name) ?? null}
            isMoving={isMoving}
          />
        ) : server !== undefined ? (
          <OneServer
            key={server.node}
            server={server}
            tokens={tokens}
            lit={step?.party === 'server' && step.node === server.node ? lit : null}
          />
        ) : (
          <Overview tokens={tokens} lit={lit} open={setShown} />
        )}
      </div>
      <Announcement lit={lit} isMoving={isMoving} />
    </section>
  )
}

/** The tokens of all charts. Charts without a move keep the same object. */
function useTokens(picture: Picture): Readonly<Record<ChartName, readonly Token[]>> {
  const { servers, clients } = picture
  const proposer = useKept(useMemo(() => roleTokens({ servers }, 'proposer'), [servers]))
  const acceptor = useKept(useMemo(() => roleTokens({ servers }, 'acceptor'), [servers]))
  const learner = useKept(useMemo(() => roleTokens({ servers }, 'learner'), [servers]))
  const requestQueue = useKept(useMemo(() => roleTokens({ servers }, 'requestQueue'), [servers]))
  const timekeeper = useKept(useMemo(() => roleTokens({ servers }, 'timekeeper'), [servers]))
  const auditor = useKept(useMemo(() => roleTokens({ servers }, 'auditor'), [servers]))
  const client = useKept(useMemo(() => clientTokens({ clients }), [clients]))
  const reader = useKept(useMemo(() => roleTokens({ servers }, 'reader'), [servers]))
  return { proposer, acceptor, learner, requestQueue, timekeeper, auditor, reader, client }
}

/** The previous tokens, as long as they are equal. */
function useKept(tokens: readonly Token[]): readonly Token[] {
  const kept = useRef(tokens)
  const isAlike =
    kept.current.length === tokens.length &&
    tokens.every(({ key, label, state, isPaused }, index) => {
      const before = kept.current[index]
      const isSame = before?.key === key && before.label === label
      return isSame && before.state === state && before.isPaused === isPaused
    })
  if (!isAlike) kept.current = tokens
  return kept.current
}
