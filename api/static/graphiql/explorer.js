// Starts GraphiQL: token and course from the page's hash, the example questions as tabs.
// The hash is `#token=…&course=…`; it is taken off the address so that it is not shared by accident.
"use strict";

(async function start() {
  const hash = new URLSearchParams(location.hash.slice(1));
  for (const name of ["token", "course"]) {
    if (hash.has(name)) sessionStorage.setItem(`courselens:${name}`, hash.get(name));
  }
  if (location.hash) history.replaceState(null, "", location.pathname);
  const token = sessionStorage.getItem("courselens:token");
  const authorization = token ? { Authorization: `JWT ${token}` } : {};
  const headers = JSON.stringify(authorization, null, 2);

  async function ask(question, given) {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json", ...given },
      body: JSON.stringify(question),
    });
    return response.json();
  }

  async function firstCourse() {
    const answer = await ask({ query: "{ courses(first: 1) { nodes { key } } }" }, authorization);
    return answer.data?.courses?.nodes[0]?.key ?? "course-v1:…";
  }

  const examples = await (await fetch("/graphiql/examples.json")).json();
  const course = sessionStorage.getItem("courselens:course") ?? (await firstCourse());
  const tabs = examples.map(({ query }) => ({
    query,
    headers,
    variables: query.includes("$course") ? JSON.stringify({ course }, null, 2) : "",
  }));

  // Tabs are not kept between visits: a kept tab would hold a token that has expired.
  const storage = {
    length: 0,
    getItem: () => null,
    setItem: () => {},
    removeItem: () => {},
    clear: () => {},
  };
  const logo = React.createElement(
    GraphiQL.Logo,
    null,
    React.createElement(
      "span",
      { className: "product" },
      "courselens",
      React.createElement("a", { href: "/schema.graphql" }, "schema.graphql"),
    ),
  );
  const explorer = React.createElement(
    GraphiQL,
    {
      fetcher: (question, options) => ask(question, { ...authorization, ...options?.headers }),
      defaultTabs: tabs,
      // GraphiQL shows the first tab's query but not its variables.
      variables: tabs[0]?.variables,
      defaultHeaders: headers,
      defaultEditorToolsVisibility: "variables",
      shouldPersistHeaders: false,
      isHeadersEditorEnabled: true,
      storage,
    },
    logo,
  );
  ReactDOM.createRoot(document.getElementById("explorer")).render(explorer);
})();
