/*
 * engine/control_flow/foreach_node_list.c
 *
 * Foreach NodeList: the nodes that an XPath expression finds in an XML
 * document (libxml2).  The result is a JSON array, so mapping works as for the
 * other enumerators.  Nothing is loaded from the network, and external
 * entities stay unresolved.
 *
 * Process: runner and client, control thread only.
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <string.h>

#include "engine/control_flow/enumeration.h"
#include "engine/control_flow/property_expression.h"
#include "engine/model/object_types.h"

static xmlDocPtr
load_document(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error)
{
	int64_t source = so_property_integer(properties, "source_type", SO_DOCUMENT_DIRECT_INPUT);
	const char *text = so_property_text(properties, "document");
	const SoValue *value;
	const xmlError *problem;
	size_t length = 0;
	xmlDocPtr document;

	if (source == SO_DOCUMENT_VARIABLE)
	{
		value = so_enumeration_variable(unit, properties, context, error);
		text = value != NULL ? so_value_to_text(context, value) : NULL;
	}
	else if (source == SO_DOCUMENT_FILE_CONNECTION)
		text = so_enumeration_connection_file(unit, properties, context, &length, error);
	else if (text == NULL)
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path, "\"%s\" has no document",
					 unit->executable->name);
	if (text == NULL)
		return NULL;
	if (length == 0)
		length = strlen(text);
	document = xmlReadMemory(text, (int) length, NULL, NULL,
							 XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (document == NULL)
	{
		problem = xmlGetLastError();
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "the document of \"%s\" is not well-formed XML", unit->executable->name);
		if (problem != NULL)
			so_error_detail(error, "Line %d: %.*s.", problem->line,
							(int) strcspn(problem->message, "\n"), problem->message);
	}
	return document;
}

static json_t *
node_to_json(xmlDocPtr document, xmlNodePtr node, int64_t form)
{
	xmlBufferPtr buffer;
	xmlChar *content;
	json_t *json;

	if (form == SO_NODES_NODE || form == SO_NODES_NAVIGATOR)
	{
		buffer = xmlBufferCreate();
		xmlNodeDump(buffer, document, node, 0, 0);
		json = json_string((const char *) xmlBufferContent(buffer));
		xmlBufferFree(buffer);
		return json != NULL ? json : json_null();
	}
	content = xmlNodeGetContent(node);
	json = json_string(content != NULL ? (const char *) content : "");
	xmlFree(content);
	return json != NULL ? json : json_null();
}

/* Nodes of an XPath below node; false with *error when it is no node set. */
static bool
select_nodes(xmlXPathContextPtr path, xmlNodePtr node, const char *expression,
			 xmlXPathObjectPtr *found, SoUnit *unit, SoError *error)
{
	path->node = node;
	*found = xmlXPathEvalExpression((const xmlChar *) expression, path);
	if (*found != NULL && (*found)->type == XPATH_NODESET)
		return true;
	xmlXPathFreeObject(*found);
	so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
				 "the XPath \"%s\" of \"%s\" finds no node set", expression,
				 unit->executable->name);
	return so_error_hint(error, "Correct the expression; declare its prefixes in namespaces.");
}

static bool
collect(xmlXPathContextPtr path, xmlNodePtr node, const char *expression, int64_t form,
		const SoObject *properties, json_t *into, SoUnit *unit, SoError *error)
{
	const char *inner = so_property_text(properties, "inner_xpath");
	xmlXPathObjectPtr found;
	bool good = true;

	if (!select_nodes(path, node, expression, &found, unit, error))
		return false;
	for (int i = 0; found->nodesetval != NULL && i < found->nodesetval->nodeNr && good; i++)
	{
		xmlNodePtr one = found->nodesetval->nodeTab[i];

		if (form == SO_NODES_ELEMENT_COLLECTION)
		{
			json_t *row = json_array();

			good = collect(path, one, inner != NULL && inner[0] ? inner : "*",
						   so_property_integer(properties, "inner_element_type",
											   SO_NODES_NODE_TEXT) == SO_NODES_NODE_TEXT
							   ? SO_NODES_NODE_TEXT
							   : SO_NODES_NODE,
						   properties, row, unit, error);
			json_array_append_new(into, row);
		}
		else
			json_array_append_new(into, node_to_json(path->doc, one, form));
	}
	xmlXPathFreeObject(found);
	return good;
}

SoEnumeration *
so_foreach_node_list(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error)
{
	const SoField *namespaces = so_object_field(properties, "namespaces");
	const char *outer = so_property_text(properties, "outer_xpath");
	xmlDocPtr document = load_document(unit, properties, context, error);
	SoEnumeration *enumeration = NULL;
	xmlXPathContextPtr path;
	json_t *nodes;

	if (document == NULL)
		return NULL;
	path = xmlXPathNewContext(document);
	for (int i = 0; namespaces != NULL && i < namespaces->count; i++)
		xmlXPathRegisterNs(path, (const xmlChar *) namespaces->names[i],
						   (const xmlChar *) namespaces->strings[i]);
	nodes = json_array();
	if (collect(path, xmlDocGetRootElement(document), outer != NULL ? outer : "/*",
				so_property_integer(properties, "enumeration_type", SO_NODES_NODE_TEXT), properties,
				nodes, unit, error))
		enumeration = so_enumeration_of_json(context, nodes);
	json_decref(nodes);
	xmlXPathFreeContext(path);
	xmlFreeDoc(document);
	return enumeration;
}
