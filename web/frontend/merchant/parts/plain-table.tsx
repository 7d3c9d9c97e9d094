import type { ReactNode } from 'react';

export type PlainColumn = { heading: string; isNumber?: true };

/** A small table that breaks its words on a phone instead of scrolling to the side. */
export function PlainTable(props: {
  /** What it is a table of, for a screen reader. */
  label: string;
  columns: readonly PlainColumn[];
  rows: readonly (readonly ReactNode[])[];
}) {
  const { label, columns, rows } = props;
  const end = (index: number) => (columns[index]?.isNumber === true ? 'zt-end zt-figures' : '');
  return (
    <table className="zt-table" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ heading }, index) => (
            <th key={heading} scope="col" className={end(index)}>
              {heading}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((cells, row) => (
          <tr key={row}>
            {cells.map((cell, index) => (
              <td key={index} className={end(index)}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
