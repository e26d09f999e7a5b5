const place = document.getElementById("swagger-ui");

const page = SwaggerUIBundle({
  url: "/_docs/reference.json",
  dom_id: "#swagger-ui",
  // The operations themselves, without the bar that loads other contracts.
  layout: "BaseLayout",
  // The badge would send the contract's URL to a validator on another host.
  validatorUrl: null,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  onComplete: () => {
    if (place.dataset.token) page.preauthorizeApiKey("Token", place.dataset.token);
  },
});
