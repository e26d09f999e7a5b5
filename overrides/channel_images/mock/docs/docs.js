// Swagger UI fills the examples of all filters in at once, and hardly an image satisfies all of them.
const withoutExamples = (contract) => {
  for (const parameter of Object.values(contract.components.parameters)) {
    if (!parameter.required) delete parameter.example;
  }
  return contract;
};

SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#swagger-ui",
  // The operations themselves, without the bar that loads other contracts.
  layout: "BaseLayout",
  plugins: [{
    statePlugins: {
      spec: { wrapActions: { updateJsonSpec: (update) => (contract) => update(withoutExamples(contract)) } },
    },
  }],
  // The badge would send the contract's URL to a validator on another host.
  validatorUrl: null,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
