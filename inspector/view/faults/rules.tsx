import { useState } from 'preact/hooks'
import type { NodeId } from '../../../machines/batch.ts'
import type { FaultParty, FaultRule } from '../../../src/inspect/records/control.ts'
import { rulePartyText, ruleText } from '../../../src/inspect/records/rules.ts'
import { shownTypes } from '../../../src/messages/dictionary.ts'
import { cutsIn, withCuts, withoutCuts } from '../../model/faults.ts'
import type { Act } from '../faults.tsx'

const first: FaultRule = {
  from: 'any',
  to: 'any',
  message: 'accepted',
  action: 'drop',
  delayMs: 200,
  count: null,
}

/** Adds rules, and lists the present ones. */
export function Rules({
  nodes,
  rules,
  act,
}: {
  readonly nodes: readonly NodeId[]
  readonly rules: readonly FaultRule[]
  readonly act: Act
}) {
  const [rule, setRule] = useState(first)
  const change = (part: Partial<FaultRule>) => setRule({ ...rule, ...part })
  const cuts = cutsIn(rules)
  const own = withoutCuts(rules)
  const set = (next: readonly FaultRule[]) => void act({ type: 'rules', rules: next })
  return (
    <section class="faults-part" aria-labelledby="faults-rules-title">
      <h3 id="faults-rules-title">Rules for messages</h3>
      <form
        class="faults-rule"
        onSubmit={(event) => {
          event.preventDefault()
          set([...rules, rule.action === 'delay' ? rule : { ...rule, delayMs: 0 }])
        }}
      >
        <label>
          Do{' '}
          <select
            value={rule.action}
            onChange={({ currentTarget }) => change({ action: currentTarget.value as FaultRule['action'] })}
          >
            <option value="drop">drop</option>
            <option value="delay">delay</option>
            <option value="duplicate">duplicate</option>
          </select>
        </label>
        <label>
          Message{' '}
          <select
            value={rule.message}
            onChange={({ currentTarget }) => change({ message: currentTarget.value as FaultRule['message'] })}
          >
            {(['any', ...shownTypes] as const).map((kind) => (
              <option key={kind} value={kind}>
                {kind}
              </option>
            ))}
          </select>
        </label>
        <PartySelect label="From" nodes={nodes} party={rule.from} choose={(from) => change({ from })} />
        <PartySelect label="To" nodes={nodes} party={rule.to} choose={(to) => change({ to })} />
        <label>
          By ms{' '}
          <input
            type="number"
            min={0}
            max={60_000}
            required
            disabled={rule.action !== 'delay'}
            value={rule.delayMs}
            onInput={({ currentTarget }) => change({ delayMs: currentTarget.valueAsNumber || 0 })}
          />
        </label>
        <label>
          Times, each server{' '}
          <input
            type="number"
            min={1}
            max={1_000_000}
            placeholder="all"
            value={rule.count ?? ''}
            onInput={({ currentTarget }) => change({ count: currentTarget.valueAsNumber || null })}
          />
        </label>
        <button type="submit">Add rule</button>
      </form>
      {rules.length === 0 ? (
        <p class="faults-muted">No rules.</p>
      ) : (
        <ul class="faults-rules">
          {cuts.map(([a, b]) => (
            <li key={`${a} ${b}`}>
              <span>
                servers {a} and {b} are cut apart
              </span>
              <Remove
                what={`the cut between servers ${a} and ${b}`}
                onClick={() =>
                  set(
                    withCuts(
                      rules,
                      cuts.filter((other) => other[0] !== a || other[1] !== b),
                    ),
                  )
                }
              />
            </li>
          ))}
          {own.map((held, place) => (
            <li key={`${place} ${ruleText(held)}`}>
              <span>{ruleText(held)}</span>
              <Remove what={ruleText(held)} onClick={() => set(rules.filter((other) => other !== held))} />
            </li>
          ))}
          {rules.length > 1 && (
            <li>
              <span />
              <button type="button" onClick={() => set([])}>
                Remove all
              </button>
            </li>
          )}
        </ul>
      )}
    </section>
  )
}

function PartySelect({
  label,
  nodes,
  party,
  choose,
}: {
  readonly label: string
  readonly nodes: readonly NodeId[]
  readonly party: FaultParty
  readonly choose: (party: FaultParty) => void
}) {
  const parties: readonly FaultParty[] = ['any', ...nodes, 'client']
  return (
    <label>
      {label}{' '}
      <select
        value={String(party)}
        onChange={({ currentTarget }) =>
          choose(parties.find((other) => String(other) === currentTarget.value) ?? 'any')
        }
      >
        {parties.map((other) => (
          <option key={other} value={String(other)}>
            {rulePartyText(other)}
          </option>
        ))}
      </select>
    </label>
  )
}

function Remove({ what, onClick }: { readonly what: string; readonly onClick: () => void }) {
  return (
    <button type="button" aria-label={`Remove ${what}`} onClick={onClick}>
      Remove
    </button>
  )
}
