import './app.css'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Store, View } from '../model/store.ts'
import { Charts } from './charts/charts.tsx'
import type { Control, PartProps } from './context.ts'
import { Faults } from './faults.tsx'
import { Header } from './header.tsx'
import { Invariants } from './invariants.tsx'
import { KeyList, useKeys } from './keys.tsx'
import { Lanes } from './lanes/lanes.tsx'
import { Details } from './panels/details.tsx'
import { Events } from './panels/events.tsx'
import { Ledger } from './panels/ledger.tsx'
import { Queues } from './panels/queues.tsx'
import { Service } from './panels/service.tsx'
import { Refusals } from './refusals.tsx'
import { Boundary } from './shell/boundary.tsx'
import { Seldom } from './shell/seldom.ts'
import { Splitter } from './shell/splitter.tsx'
import { type Tab, Tabs } from './shell/tabs.tsx'
import { Time } from './time.tsx'

/** A tab of the side column that only one kind of page has. */
export interface ExtraTab {
  readonly id: string
  readonly label: string
  readonly panel: (part: PartProps) => ComponentChildren
}

export interface AppProps {
  readonly store: Store
  /** `null` without a live cluster. */
  readonly control?: Control | null
  /** They precede the other tabs. */
  readonly extraTabs?: readonly ExtraTab[]
  /** Content above the tabs, shown with every tab. */
  readonly aboveTabs?: ComponentChildren
  /** The link from a playground to the live cluster of its hub; `null` without a hub, or when the cluster is shown. */
  readonly liveHref?: string | null
}

/** The default share of the lanes in the height: with it all charts are completely visible at 1280×800. */
const usualLanesShare = 0.295

/** The default share of the side column in a window of this width, in pixels: enough for its rows, the rest for the charts. */
function usualSideShare(width: number): number {
  // The page's margins and the splitter are beside both columns.
  return Math.min(520, Math.max(360, width * 0.25)) / (width - 24)
}

/** While drawing is slow, panels of text are drawn at this interval, in milliseconds, so that the charts have priority. */
const panelsEveryMs = 300
const lanesEveryMs = 100

export function App({ store, control = null, extraTabs = [], aboveTabs = null, liveHref = null }: AppProps) {
  const view = useView(store)
  const [sideShare, setSideShare] = useState(() => usualSideShare(window.innerWidth))
  const [lanesShare, setLanesShare] = useState(usualLanesShare)
  const help = useRef<HTMLDialogElement>(null)
  const showHelp = useRef(() => help.current?.showModal()).current
  useKeys(store, showHelp)
  const { picture, selected, isSlow, following } = view
  const isHurried = isSlow && following.mode !== 'paused'
  return (
    <div class={isSlow ? 'page is-slow' : 'page'}>
      <a class="skip" href="#side">
        Skip to the panels
      </a>
      <Header
        source={view.source}
        cluster={picture.cluster?.cluster ?? null}
        service={picture.cluster?.service ?? null}
        servers={picture.servers}
        unreadable={view.unreadable}
        liveHref={liveHref}
        onHelp={showHelp}
      />
      <div>
        <Invariants invariants={picture.invariants} breaches={view.breaches} store={store} />
        <Refusals refusals={view.refusals} control={control} />
      </div>
      <main class="columns" style={{ '--side': `${sideShare}fr`, '--rest': `${1 - sideShare}fr` }}>
        <div class="drawings" style={{ '--lanes': `${lanesShare}fr`, '--rest': `${1 - lanesShare}fr` }}>
          <section class="panel" aria-label="Charts">
            <Boundary name="charts">
              <Charts view={view} store={store} />
            </Boundary>
          </section>
          <Splitter
            label="Height of the lanes"
            orientation="horizontal"
            share={lanesShare}
            onChange={setLanesShare}
          />
          <section class="panel" aria-label="Messages" hidden={lanesShare === 0}>
            <Boundary name="lanes">
              <Seldom
                isShown
                everyMs={isHurried ? lanesEveryMs : 0}
                panel={() => <Lanes view={view} store={store} />}
              />
            </Boundary>
          </section>
        </div>
        <Splitter
          label="Width of the side column"
          orientation="vertical"
          share={sideShare}
          onChange={setSideShare}
        />
        <section class="panel side" id="side" aria-label="Panels" tabIndex={-1} hidden={sideShare === 0}>
          {aboveTabs === null ? null : <Boundary name="tour">{aboveTabs}</Boundary>}
          <div class="side-tabs">
            <Tabs
              label="Panels"
              tabs={tabsOf({ view, store }, control, extraTabs)}
              everyMs={isHurried ? panelsEveryMs : 0}
            />
          </div>
          {selected === null ? null : (
            <Boundary name="record">
              <Details key={selected} store={store} selected={selected} />
            </Boundary>
          )}
        </section>
      </main>
      <Time view={view} store={store} />
      <KeyList dialog={help} isPlayground={view.goesOn} />
    </div>
  )
}

function useView(store: Store): View {
  const [view, setView] = useState<View>(store.view)
  useEffect(() => {
    // Records may have arrived between the first drawing and now.
    setView(store.view)
    return store.subscribe(setView)
  }, [store])
  return view
}

function tabsOf(part: PartProps, control: Control | null, extraTabs: readonly ExtraTab[]): readonly Tab[] {
  const { view, store } = part
  const { picture } = view
  const { ledger, servers, service, cluster } = picture
  const tabs: Tab[] = [
    ...extraTabs.map(({ id, label, panel }) => ({ id, label, panel: () => panel(part) })),
    { id: 'ledger', label: 'Ledger', panel: () => <Ledger ledger={ledger} servers={servers} /> },
    {
      id: 'queues',
      label: 'Queues',
      panel: () => <Queues servers={servers} originMs={store.timeline.originMs} />,
    },
    {
      id: 'service',
      label: 'Service',
      panel: () => <Service service={service} servers={servers} originMs={store.timeline.originMs} />,
    },
    {
      id: 'events',
      label: 'Events',
      panel: () => <Events store={store} cursor={view.cursor} selected={view.selected} />,
    },
  ]
  // Without a token there is no control. The panel then says how to get one.
  if (view.source.kind === 'live' && cluster?.allowsFaults === true) {
    tabs.push({
      id: 'faults',
      label: 'Faults',
      panel: () => <Faults view={view} store={store} control={control} />,
    })
  }
  return tabs.map((tab) => ({
    ...tab,
    panel: () => <Boundary name={tab.label.toLowerCase()}>{tab.panel()}</Boundary>,
  }))
}
