// The chosen connection in the address of the page: a reload and a bookmark keep it.

const FORM = /^#connection-(\d{1,15})$/;

export function keepSelection(model) {
  const read = () => (FORM.test(location.hash) ? Number(FORM.exec(location.hash)[1]) : null);
  const write = () => {
    const hash = model.selected === null ? "" : `#connection-${model.selected}`;
    if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname);
  };
  model.selected = read(); // until the state is loaded, which may not have it
  model.addEventListener("selection", write);
  addEventListener("hashchange", () => {
    const number = read();
    if (number !== null && model.connection(number)) model.select(number);
    else write();
  });
}
