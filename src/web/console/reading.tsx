/** A name with its reading above it (ふりがな). */
export function WithReading({ name, reading }: { name: string; reading: string }) {
  if (reading === '' || reading === name) return <>{name}</>;
  return (
    <ruby>
      {name}
      <rt>{reading}</rt>
    </ruby>
  );
}
