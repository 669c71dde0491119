/** Which vehicle kind is looked at: figures are never added across kinds, so one is always chosen. */
import type { JSX } from 'preact';
import { t, word } from '../i18n';
import { route, setQuery } from '../state/route';
import { Segments } from './panel';

/** The chosen kind: the address's, if it occurs here, else the one with the most spaces. */
export function chosenKind(kinds: readonly string[]): string {
  const asked = route.value.query.get('kind');
  return asked && kinds.includes(asked) ? asked : (kinds[0] ?? 'car');
}

export function KindSwitch({ kinds }: { kinds: string[] }): JSX.Element | null {
  if (kinds.length < 2) return null;
  return (
    <Segments label={t('kind.label')} chosen={chosenKind(kinds)} options={kinds.map((kind) => [kind, word('kind', kind)])}
      onChoose={(kind) => setQuery({ kind })} />
  );
}
